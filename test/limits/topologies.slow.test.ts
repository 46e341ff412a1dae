import { rateLimiterContract } from './contract.js'
import { TOPOLOGY_KINDS } from './gcra-stores.js'

for (const kind of TOPOLOGY_KINDS) rateLimiterContract(kind)
