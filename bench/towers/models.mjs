// The models that `npm run bench -- towers` measures, in the order of docs/guides/choosing-a-model.md; bench/towers/export.py
// makes them. Run as a program, it lists their names.
import { pathToFileURL } from 'node:url'

/** The one that every other is compared with. */
export const REFERENCE = 'clip-b-32'

/** Title by name. */
export const MODELS = new Map([
  [REFERENCE, 'CLIP ViT-B/32'],
  ['clip-b-16', 'CLIP ViT-B/16'],
  ['clip-l-14', 'CLIP ViT-L/14'],
  ['openclip-b-32-256', 'open_clip ViT-B/32 256'],
  ['mobileclip2-s0', 'MobileCLIP2-S0'],
  ['mobileclip2-s2', 'MobileCLIP2-S2'],
  ['siglip-b-16-256', 'SigLIP B/16 256'],
  ['siglip2-b-32-256', 'SigLIP 2 B/32 256'],
  ['siglip2-b-16-224', 'SigLIP 2 B/16 224'],
  ['xlm-r-b-32', 'open_clip XLM-R base + ViT-B/32'],
  ['jina-clip-v2', 'jina-clip-v2, one file'],
  ['dinov2-s', 'DINOv2 S/14'],
  ['dinov2-b', 'DINOv2 B/14'],
  ['efficientnet-b4', 'EfficientNet-B4'],
])

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.log([...MODELS.keys()].join('\n'))
