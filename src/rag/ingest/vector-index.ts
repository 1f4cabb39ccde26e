import type { VectorsHandle } from '../../compartments/vectors/vectors.ts';
import type { Embedder } from '../embed/embedder.ts';
import type { ChunkIndex } from './ports.ts';

/** The tenant's own vectors as the index of its chunks. The first chunk makes the space for the embedder's vectors. @throws conflict where another one serves */
export function toChunkIndex(handle: VectorsHandle, { model, dimension, metric }: Embedder): ChunkIndex {
  return {
    kept: (document) => handle.kept(document),
    async upsert(chunks) {
      await handle.ensureSpace({ model, dimension, metric });
      return await handle.upsert(chunks);
    },
    remove: (document, only) => handle.remove(document, only),
  };
}
