/** Milliseconds on the monotonic clock; fractions are allowed. Wire units live only in the codec. */
export type Millis = number;

/** Ends something that was set going: a timer, a watch. Calling it twice is harmless. */
export type Cancel = () => void;
