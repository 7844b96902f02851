"""What the finished points of scans left behind: records, histories, scores."""
