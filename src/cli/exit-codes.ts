/** Exit code of a command that is done although some rows or photos failed. */
export const SOME_FAILED = 3
