import com.example.fulfil.*;
import com.example.fulfil.holds.*;
import java.time.*;
import java.util.List;

public class Check {
    public static void main(String[] arguments) {
        Holds holds = new Holds(Clock.systemUTC());
        holds.place(Hold.ofCustomer(Long.valueOf("70001"), "fraud", Instant.EPOCH, Instant.MAX));
        Order order = new Order(1L, Long.valueOf("70001"), Instant.EPOCH, Instant.EPOCH, List.of());
        if (!holds.isHeld(order)) throw new AssertionError("the order of a customer who is held goes out");
    }
}
