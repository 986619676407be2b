"""Pictures: what an upload is, what a provider gets of it, what comes back. The only users of Pillow.

On its way in (upload, prepare) a file is taken apart by `content` so that only what decides its pixels reaches a decoder, bounded
by `limits`, decoded in a lane of its own by `decoding`, brought to size by `scaling` and to sRGB by `colour`, put on a `ground`
and encoded anew, unless it is a `common_jpeg` that needs none of that. What a provider made is decoded, shown small and labelled
by `results`; `inline` makes a prepared picture small.
"""
