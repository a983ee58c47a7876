package com.example.fulfil;

/** What goes onto the van; lengths are in millimetres, weights in grams. */
public record Parcel(Long orderId, int weightGrams, int lengthMm, int widthMm, int heightMm) {

    private static final int LONGEST_MM = 1200;

    public long volumeMm3() {
        return (long) lengthMm * widthMm * heightMm;
    }

    public boolean isBulky() {
        return Math.max(lengthMm, Math.max(widthMm, heightMm)) > LONGEST_MM;
    }
}
