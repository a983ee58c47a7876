package com.example.fulfil.rates;

import com.example.fulfil.Money;
import com.example.fulfil.Parcel;
import com.example.fulfil.Zone;
import java.util.Map;

/** What a carrier charges for a parcel: a price by zone, one for each kilogram begun, and what comes on top. */
public class RateCard {

    private static final Money BULKY = new Money(1_250, "EUR");

    private final Map<Zone, Money> base;
    private final Money perKilogram;

    public RateCard(Map<Zone, Money> base, Money perKilogram) {
        this.base = Map.copyOf(base);
        this.perKilogram = perKilogram;
    }

    public Money price(Parcel parcel, Zone zone) {
        Money start = base.get(zone);
        if (start == null) {
            throw new IllegalArgumentException("no price for " + zone);
        }
        int kilograms = (parcel.weightGrams() + 999) / 1000;
        return start.plus(perKilogram.times(kilograms)).plus(surcharge(parcel));
    }

    /** What comes on top of the weight; none for most parcels. */
    protected Money surcharge(Parcel parcel) {
        return parcel.isBulky() ? BULKY : Money.zero("EUR");
    }
}
