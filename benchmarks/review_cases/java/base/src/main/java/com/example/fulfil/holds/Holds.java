package com.example.fulfil.holds;

import com.example.fulfil.Order;
import java.util.ArrayList;
import java.util.List;

/** Orders that are held back. */
public class Holds {

    private final List<Hold> holds = new ArrayList<>();

    public void place(Hold hold) {
        holds.add(hold);
    }

    public void release(Long orderId) {
        holds.removeIf(hold -> hold.orderId().equals(orderId));
    }

    public boolean isHeld(Order order) {
        return holds.stream().anyMatch(hold -> hold.orderId().equals(order.id()));
    }
}
