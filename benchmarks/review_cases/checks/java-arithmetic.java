import com.example.fulfil.Order;
import com.example.fulfil.picking.PickList;
import java.time.*;
import java.util.List;

public class Check {
    public static void main(String[] arguments) {
        Instant now = Instant.parse("2026-03-02T08:00:00Z");
        PickList list = new PickList(Clock.fixed(now, ZoneOffset.UTC));
        list.add(new Order(1L, 1L, now, now.plus(Duration.ofDays(30)), List.of()));
        list.add(new Order(2L, 1L, now, now.plus(Duration.ofDays(1)), List.of()));
        long first = list.inSequence().get(0).id();
        if (first != 2) throw new AssertionError("what is due in a month comes first");
    }
}
