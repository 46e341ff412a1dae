/** Which photos of a label are shown, and in which order. */
export type Order = 'random' | 'doubtful' | 'typical'
