package com.example.fulfil;

import java.time.Instant;
import java.util.List;

/** What a customer wants, as the shop hands it over. */
public record Order(Long id, Long customerId, Instant placed, Instant promised, List<Line> lines) {

    public Order {
        lines = List.copyOf(lines);
    }

    /** So many of one article. */
    public record Line(String sku, int quantity, Money unitPrice) {
        public Line {
            if (quantity < 1) {
                throw new IllegalArgumentException("a line has at least one piece: " + sku);
            }
        }

        public Money amount() {
            return unitPrice.times(quantity);
        }
    }

    public Money total(String currency) {
        return lines.stream().map(Line::amount).reduce(Money.zero(currency), Money::plus);
    }

    public int pieces() {
        return lines.stream().mapToInt(Line::quantity).sum();
    }
}
