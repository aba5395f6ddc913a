"""What the integration tests stand on: real programs in a directory of their
own, each started, waited for and ended by one small module."""
