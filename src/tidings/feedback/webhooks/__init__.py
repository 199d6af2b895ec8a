"""What mail providers tell by webhook, one file a provider: who may say it, and what it means."""
