package com.example.fulfil.carriers;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What a carrier says that it has picked up: one tracking number a line. */
public final class Manifest {

    private final List<String> trackingNumbers;

    private Manifest(List<String> trackingNumbers) {
        this.trackingNumbers = List.copyOf(trackingNumbers);
    }

    public static Manifest read(Path file) {
        List<String> numbers = new ArrayList<>();
        try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            String line;
            while ((line = reader.readLine()) != null) {
                if (!line.isBlank()) {
                    numbers.add(line.strip());
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException("manifest " + file, error);
        }
        return new Manifest(numbers);
    }

    public List<String> trackingNumbers() {
        return trackingNumbers;
    }
}
