"""What happened and who must hear of it: events, webhook endpoints, deliveries, and scheduled jobs."""
