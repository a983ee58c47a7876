package com.example.fulfil.stock;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** How many pieces of each article can still be promised. Used by all request threads at once. */
public class Stock {

    private final Map<String, Integer> available = new ConcurrentHashMap<>();

    public void receive(String sku, int quantity) {
        available.merge(sku, quantity, Integer::sum);
    }

    public int available(String sku) {
        return available.getOrDefault(sku, 0);
    }

    /** Takes pieces if there are enough of them; tells whether it did. */
    public boolean take(String sku, int quantity) {
        boolean[] taken = {false};
        available.computeIfPresent(sku, (key, there) -> {
            taken[0] = there >= quantity;
            return taken[0] ? there - quantity : there;
        });
        return taken[0];
    }
}
