"""A mail host, two proxies, a client and an attacker, each in a network
namespace of its own. Nothing of it touches the machine's network."""
