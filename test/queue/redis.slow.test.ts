import { SERVER_KINDS } from './backends.js'
import { queueContract } from './contract/contract.js'

queueContract(SERVER_KINDS.find(kind => kind.name === 'Redis')!)
