"""What clients of the demo do: a message, and its last reply; a lie."""
import socket


def forged_greeting(server, source, claimed):
    """What Postfix says to one who comes past the proxy and brings a PROXY
    header of his own."""
    with socket.create_connection(
            server, 15, source_address=(source, 0)) as session:
        # No more: Postfix 3.9 has a 554 for whoever does not wait.
        session.sendall(
            f"PROXY TCP4 {claimed} {server[0]} 40000 25\r\n".encode())
        with session.makefile("rb") as file:
            return file.readline().decode("ascii", "replace").strip()


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
