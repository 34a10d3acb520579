"""Read request bodies: raw, forms, and the connection that they arrive on."""
