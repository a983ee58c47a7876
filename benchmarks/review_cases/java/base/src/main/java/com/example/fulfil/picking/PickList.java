package com.example.fulfil.picking;

import com.example.fulfil.Order;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The orders that wait to be picked. */
public class PickList {

    private final List<Order> waiting = new ArrayList<>();

    public void add(Order order) {
        waiting.add(order);
    }

    /** The orders in which they are picked: what was placed first comes first. */
    public List<Order> inSequence() {
        List<Order> sorted = new ArrayList<>(waiting);
        sorted.sort(Comparator.comparing(Order::placed).thenComparing(Order::id));
        return sorted;
    }

    public int size() {
        return waiting.size();
    }
}
