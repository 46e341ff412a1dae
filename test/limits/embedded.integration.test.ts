import { rateLimiterContract } from './contract.js'
import { LEDGER_KINDS } from './gcra-stores.js'

rateLimiterContract(LEDGER_KINDS.find(kind => kind.name === 'embedded Postgres')!)
