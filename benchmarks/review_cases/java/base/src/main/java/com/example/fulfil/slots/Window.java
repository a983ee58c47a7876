package com.example.fulfil.slots;

import java.time.Duration;
import java.time.Instant;

/** A time in which a van comes: from {@code start} up to, not including, {@code end}. */
public record Window(Instant start, Instant end) {

    public Window {
        if (!start.isBefore(end)) {
            throw new IllegalArgumentException("a window ends after it starts: " + start + " to " + end);
        }
    }

    public boolean contains(Instant moment) {
        return !moment.isBefore(start) && moment.isBefore(end);
    }

    public Duration length() {
        return Duration.between(start, end);
    }
}
