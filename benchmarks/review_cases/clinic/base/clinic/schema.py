"""The tables."""

SCHEMA = """
create table if not exists patients (
    id integer primary key,
    version integer not null,
    name text not null default '',
    born day not null,
    insurer_id integer,
    member_number text not null default '',
    email text not null default '',
    phone text not null default '',
    notes text not null default '',
    blocked flag not null default 0
);
create table if not exists practitioners (
    id integer primary key,
    version integer not null,
    name text not null default '',
    specialty text not null default '',
    licence text not null default '',
    licensed_until day not null,
    minutes_per_visit integer not null,
    accepts_new flag not null default 0
);
create table if not exists rooms (
    id integer primary key,
    version integer not null,
    name text not null default '',
    floor integer not null,
    equipment text not null default '',
    seats integer not null,
    closed_until day
);
create table if not exists appointments (
    id integer primary key,
    version integer not null,
    patient_id integer not null,
    practitioner_id integer not null,
    room_id integer,
    start moment not null,
    minutes integer not null,
    reason text not null default '',
    state text not null default ''
);
create table if not exists referrals (
    id integer primary key,
    version integer not null,
    patient_id integer not null,
    from_name text not null default '',
    specialty text not null default '',
    issued day not null,
    valid_until day not null,
    visits_allowed integer not null,
    visits_used integer not null
);
create table if not exists prescriptions (
    id integer primary key,
    version integer not null,
    patient_id integer not null,
    practitioner_id integer not null,
    drug text not null default '',
    dose_mg integer not null,
    times_a_day integer not null,
    days integer not null,
    repeats_left integer not null,
    issued day not null
);
create table if not exists invoices (
    id integer primary key,
    version integer not null,
    patient_id integer not null,
    appointment_id integer not null,
    issued day not null,
    due day not null,
    total_cents integer not null,
    insurer_cents integer not null,
    paid_cents integer not null,
    state text not null default ''
);
create table if not exists payments (
    id integer primary key,
    version integer not null,
    invoice_id integer not null,
    reference text not null default '',
    amount_cents integer not null,
    received day not null,
    method text not null default '',
    card_token text not null default ''
);
create table if not exists insurers (
    id integer primary key,
    version integer not null,
    name text not null default '',
    share_percent integer not null,
    cap_cents integer,
    contract_from day not null,
    contract_until day,
    portal_key text not null default ''
);
create table if not exists lab_orders (
    id integer primary key,
    version integer not null,
    patient_id integer not null,
    practitioner_id integer not null,
    panel text not null default '',
    ordered moment not null,
    collected moment,
    resulted moment,
    result text not null default '',
    urgent flag not null default 0
);
create table if not exists letters (
    id integer primary key,
    version integer not null,
    patient_id integer not null,
    template text not null default '',
    subject text not null default '',
    body text not null default '',
    sent moment,
    channel text not null default ''
);
create table if not exists waitlist (
    id integer primary key,
    version integer not null,
    patient_id integer not null,
    specialty text not null default '',
    since day not null,
    earliest day not null,
    urgency integer not null,
    offers integer not null,
    closed flag not null default 0
);
"""
