"""What a result can be asked: what was removed, how sure it is, how finely it resolves.

Arrays and the figures of measured noise go in, arrays and numbers come out. Nothing here fits, opens a file
or draws; how a verdict is worded belongs to `napari_blindspot.core.words`.
"""
