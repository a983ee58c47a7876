package com.example.fulfil;

/** How far away a parcel goes. */
public enum Zone {
    LOCAL,
    NATIONAL,
    ISLAND,
    ABROAD
}
