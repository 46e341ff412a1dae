/** The number of a shard with five digits, so that the order of names is the order of photos. */
export const shardName = (number: number): string => String(number).padStart(5, '0')
