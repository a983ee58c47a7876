package com.example.fulfil.slots;

import java.util.ArrayList;
import java.util.List;

/** A van and the windows that it is booked for, in the order in which they were booked. */
public class Van {

    private final String plate;
    private final int capacity;
    private final List<Window> bookings = new ArrayList<>();

    public Van(String plate, int capacity) {
        this.plate = plate;
        this.capacity = capacity;
    }

    public String plate() {
        return plate;
    }

    public int capacity() {
        return capacity;
    }

    public List<Window> bookings() {
        return List.copyOf(bookings);
    }

    public void book(Window window) {
        bookings.add(window);
    }
}
