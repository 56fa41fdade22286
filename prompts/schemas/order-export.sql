CREATE TABLE shops (
  code TEXT PRIMARY KEY,             -- DE, FR, ES, PT, PL, UK
  currency TEXT NOT NULL,            -- EUR, PLN, GBP
  vat_rate REAL NOT NULL             -- percent
);
CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  shop TEXT NOT NULL REFERENCES shops(code),
  created_on TEXT NOT NULL,          -- YYYY-MM-DD
  peak_club INTEGER NOT NULL,        -- 1: member of the loyalty club
  newsletter INTEGER NOT NULL,       -- 1: subscribed
  postcode TEXT                      -- NULL when never given
);
CREATE TABLE products (
  sku TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  brand TEXT NOT NULL,
  category TEXT NOT NULL,            -- tents, sleeping_bags, boots, jackets, stoves, headlamps, packs, accessories
  list_price REAL NOT NULL,          -- EUR, VAT included
  weight_g INTEGER,                  -- NULL when not measured
  active INTEGER NOT NULL            -- 0: no longer sold
);
CREATE TABLE orders (
  number TEXT PRIMARY KEY,           -- NL-2025-104233
  customer_id INTEGER NOT NULL REFERENCES customers(id),
  shop TEXT NOT NULL REFERENCES shops(code),
  ordered_at TEXT NOT NULL,          -- YYYY-MM-DD HH:MM:SS, UTC
  status TEXT NOT NULL,              -- received, processing, shipped, delivered, cancelled
  payment TEXT NOT NULL,             -- card, paypal, invoice, gift_card
  shipping_fee REAL NOT NULL,
  voucher_code TEXT                  -- NULL: no voucher used
);
CREATE TABLE order_items (
  order_number TEXT NOT NULL REFERENCES orders(number),
  line INTEGER NOT NULL,
  sku TEXT NOT NULL REFERENCES products(sku),
  quantity INTEGER NOT NULL,
  unit_price REAL NOT NULL,          -- in the currency of the shop, VAT included
  PRIMARY KEY (order_number, line)
);
CREATE TABLE shipments (
  id INTEGER PRIMARY KEY,
  order_number TEXT NOT NULL REFERENCES orders(number),
  carrier TEXT NOT NULL,
  shipped_at TEXT NOT NULL,          -- YYYY-MM-DD HH:MM:SS, UTC
  delivered_at TEXT                  -- NULL: still on the way
);
CREATE TABLE returns (
  id INTEGER PRIMARY KEY,
  order_number TEXT NOT NULL REFERENCES orders(number),
  sku TEXT NOT NULL REFERENCES products(sku),
  quantity INTEGER NOT NULL,
  reason TEXT NOT NULL,              -- too_small, too_large, not_as_expected, defective, damaged_in_transit, wrong_item
  opened_on TEXT NOT NULL,           -- YYYY-MM-DD
  received_on TEXT,                  -- NULL: not back yet
  refunded_on TEXT                   -- NULL: money not sent yet
);
CREATE TABLE stock (
  sku TEXT NOT NULL REFERENCES products(sku),
  warehouse TEXT NOT NULL,           -- FLENSBURG, LYON, POZNAN
  on_hand INTEGER NOT NULL,
  reserved INTEGER NOT NULL,
  PRIMARY KEY (sku, warehouse)
);
