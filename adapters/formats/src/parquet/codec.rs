//! Pages are decompressed into as many bytes as they tell, and no more.

use std::io::Read;

use parquet::basic::Compression;

/// Decompresses a page of `n_bytes`; or why not.
pub(super) fn decompress(codec: Compression, compressed: &[u8], n_bytes: usize) -> Result<Vec<u8>, String> {
    let mut page = Vec::new();
    let n_written = match codec {
        Compression::GZIP(_) => read(flate2::read::MultiGzDecoder::new(compressed), &mut page, n_bytes)?,
        Compression::BROTLI(_) => {
            const BUFFER: usize = 4096;
            read(brotli_decompressor::Decompressor::new(compressed, BUFFER), &mut page, n_bytes)?
        }
        Compression::SNAPPY => {
            page.resize(n_bytes, 0);
            snap::raw::Decoder::new().decompress(compressed, &mut page).map_err(|error| error.to_string())?
        }
        Compression::ZSTD(_) => {
            page.resize(n_bytes, 0);
            zstd::bulk::decompress_to_buffer(compressed, page.as_mut_slice()).map_err(|error| error.to_string())?
        }
        Compression::LZ4_RAW => {
            page.resize(n_bytes, 0);
            lz4_flex::block::decompress_into(compressed, &mut page).map_err(|error| error.to_string())?
        }
        Compression::LZ4 | Compression::LZO | Compression::UNCOMPRESSED => {
            return Err("expected pages in snappy, gzip, zstd, brotli, lz4_raw or without compression".to_owned());
        }
    };
    if n_written == n_bytes { Ok(page) } else { Err(other_size(n_bytes, n_written)) }
}

fn read(decoder: impl Read, page: &mut Vec<u8>, n_bytes: usize) -> Result<usize, String> {
    page.reserve_exact(n_bytes.saturating_add(1));
    decoder.take((n_bytes as u64).saturating_add(1)).read_to_end(page).map_err(|error| error.to_string())
}

fn other_size(told: usize, came: usize) -> String {
    format!("expected a page of {told} bytes when it is decompressed, one of {came} came")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use parquet::basic::{GzipLevel, ZstdLevel};

    use super::*;

    #[test]
    fn a_bomb_is_decompressed_no_further_than_it_tells() {
        let zeros = vec![0; 1 << 20];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&zeros).unwrap();
        let gzip = gzip.finish().unwrap();
        let pages = [
            (Compression::GZIP(GzipLevel::default()), gzip),
            (Compression::ZSTD(ZstdLevel::default()), zstd::bulk::compress(&zeros, 3).unwrap()),
            (Compression::SNAPPY, snap::raw::Encoder::new().compress_vec(&zeros).unwrap()),
            (Compression::LZ4_RAW, lz4_flex::block::compress(&zeros)),
        ];
        for (codec, compressed) in pages {
            assert_eq!(decompress(codec, &compressed, zeros.len()).unwrap(), zeros, "{codec:?}");
            for n_bytes in [0, 100, zeros.len() - 1, zeros.len() + 1] {
                assert!(decompress(codec, &compressed, n_bytes).is_err(), "{codec:?} {n_bytes}");
            }
            assert!(decompress(codec, &compressed[..compressed.len() / 2], zeros.len()).is_err(), "{codec:?}");
        }
        assert!(decompress(Compression::LZO, b"x", 1).is_err());
    }
}
