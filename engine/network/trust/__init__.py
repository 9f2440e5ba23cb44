"""What may be believed of nodes: signed receipts, probes, quotas, tests for censorship, choices that replay."""
