"""Files that come in and go out: the lab's own folder, uploads, attachments, downloads."""
