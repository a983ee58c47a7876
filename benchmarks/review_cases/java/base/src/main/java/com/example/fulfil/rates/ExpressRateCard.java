package com.example.fulfil.rates;

import com.example.fulfil.Money;
import com.example.fulfil.Parcel;
import com.example.fulfil.Zone;
import java.util.Map;

/** Next-day delivery: each parcel costs more, a bulky one more still. */
public class ExpressRateCard extends RateCard {

    private static final Money EXPRESS = new Money(690, "EUR");

    public ExpressRateCard(Map<Zone, Money> base, Money perKilogram) {
        super(base, perKilogram);
    }

    protected Money surcharge(Parcel parcel) {
        return super.surcharge(parcel).plus(EXPRESS);
    }
}
