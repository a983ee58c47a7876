import com.example.fulfil.carriers.Manifest;
import java.io.*;

public class Check {
    public static void main(String[] arguments) {
        boolean[] closed = {false};
        byte[] notGzip = {0x1f, 0, 0, 0};
        try {
            Manifest.read(() -> new ByteArrayInputStream(notGzip) {
                @Override public void close() { closed[0] = true; }
            });
            throw new AssertionError("it was read");
        } catch (IOException expected) {
            if (!closed[0]) throw new AssertionError("the stream stays open");
        }
    }
}
