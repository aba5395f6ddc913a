"""What a mail client of the demo does: one message, and its last reply."""


def send_to(session, recipient):
    """The whole text of the reply that accepted or first refused it."""
    for command in ("MAIL FROM:<sender@client.example>",
                    f"RCPT TO:<{recipient}>"):
        if session.command(command) != "250":
            refusal = session.text
            session.command("RSET")
            return refusal
    if session.command("DATA") == "354":
        session.command("Subject: test\r\n\r\nHello\r\n.")
    return session.text
