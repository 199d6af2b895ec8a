"""Services that send for us over HTTP: one file each says what is asked and how the answer reads; `client` does the talking."""
