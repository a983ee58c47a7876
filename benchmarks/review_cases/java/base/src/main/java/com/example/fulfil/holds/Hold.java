package com.example.fulfil.holds;

import java.time.Instant;

/** Somebody's word that an order must not leave the warehouse yet. */
public record Hold(Long orderId, Long customerId, String reason, Instant placed) {}
