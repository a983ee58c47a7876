import com.example.fulfil.slots.*;
import java.time.*;
import java.util.List;

public class Check {
    public static void main(String[] arguments) {
        Fleet fleet = new Fleet(List.of(new Van("A", 10)));
        Instant opens = Instant.parse("2026-03-02T08:00:00Z");
        int found = fleet.open(opens, opens.plus(Duration.ofHours(4)), Duration.ofHours(2), 1).size();
        if (found != 2) throw new AssertionError("two windows fit until closing time, not " + found);
    }
}
