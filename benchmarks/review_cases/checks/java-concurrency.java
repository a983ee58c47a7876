import com.example.fulfil.stock.*;
import java.time.*;
import java.util.concurrent.*;

/** Sweeps and releases the same reservations from two threads: pieces come back once. */
public class Check {
    public static void main(String[] arguments) throws Exception {
        var now = new java.util.concurrent.atomic.AtomicLong();
        Clock clock = new Clock() {
            public ZoneId getZone() { return ZoneOffset.UTC; }
            public Clock withZone(ZoneId zone) { return this; }
            public Instant instant() { return Instant.ofEpochMilli(now.get()); }
        };
        ExecutorService pool = Executors.newFixedThreadPool(2, task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        });
        for (int round = 0; round < 3000; round++) {
            Stock stock = new Stock(clock);
            stock.receive("a", 50);
            for (int n = 0; n < 50; n++) stock.reserve("a", 1, Duration.ofMillis(1));
            now.addAndGet(10);
            CyclicBarrier together = new CyclicBarrier(2);
            Callable<Integer> sweep = () -> { together.await(); return stock.sweep(); };
            Future<Integer> one = pool.submit(sweep), two = pool.submit(sweep);
            one.get();
            two.get();
            if (stock.available("a") != 50) throw new AssertionError(stock.available("a") + " of 50 pieces");
        }
        pool.shutdown();
    }
}
