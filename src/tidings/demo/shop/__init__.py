"""The demo shop: a real catalogue, a cart, a sign-in and a checkout whose pages send Segment e-commerce events."""
