"""Use cases: each verb takes who asks, checks the right, makes one transaction, returns model."""
