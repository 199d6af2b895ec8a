"""Ways into a journey, one kind a file: its schema, its logic, its words."""
