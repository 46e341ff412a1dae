/** Seeds that the demo model was trained on. Any other seed shows it a scene it has not seen. */
export const TRAINING_SEEDS = { from: 1_000_000, count: 12_000 }

/** Seeds of the held-out scenes, on which the published figures are measured. */
export const HELD_OUT_SEEDS = { from: 2_000_000, count: 1_000 }
