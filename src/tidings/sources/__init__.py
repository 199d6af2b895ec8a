"""Sources: files whose rows become events. Reader (file → rows) → map (row → event or refusal) → importer (→ collector)."""
