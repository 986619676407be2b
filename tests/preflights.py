"""What browsers ask before they send what real clients send: `from tests.preflights import PREFLIGHTS`."""

#: The page; one with Sentry's and Application Insights' scripts; ranges of a picture; a client that asks for nothing special.
PREFLIGHTS = [
    {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "accept-language,authorization,idempotency-key"},
    {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "baggage, sentry-trace, traceparent, tracestate, request-id, request-context",
    },
    {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "x-owner-token"},
    {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match,range,x-owner-token"},
    {"Access-Control-Request-Method": "GET"},
]
