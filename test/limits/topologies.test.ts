import { rateLimiterContract } from './contract.js'
import { TOPOLOGY_KINDS } from './ledgers.js'

for (const kind of TOPOLOGY_KINDS) rateLimiterContract(kind)
