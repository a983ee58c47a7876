import com.example.fulfil.*;
import com.example.fulfil.rates.*;
import java.util.Map;

public class Check {
    public static void main(String[] arguments) {
        Map<Zone, Money> base = Map.of(Zone.NATIONAL, new Money(500, "EUR"));
        Money kilogram = new Money(100, "EUR");
        Parcel parcel = new Parcel(1L, 900, 300, 200, 100);
        long standard = new RateCard(base, kilogram).price(parcel, Zone.NATIONAL).cents();
        long express = new ExpressRateCard(base, kilogram).price(parcel, Zone.NATIONAL).cents();
        if (express - standard != 690) throw new AssertionError("express costs " + (express - standard) + " more");
    }
}
