//! A compound file with one stream, `Workbook`. Version 3, sectors of 512 bytes, no mini stream, no times.

const SECTOR: usize = 512;
const FAT_ENTRIES_PER_SECTOR: usize = SECTOR / 4;
/// Allocation sectors the header can name without further ones.
const MOST_FAT_SECTORS: usize = 109;
/// A stream shorter than this would have to go into the mini stream.
const LEAST_STREAM_BYTES: usize = 4096;
/// The longest stream the header can address.
pub(super) const MOST_STREAM_BYTES: usize = (MOST_FAT_SECTORS - 2) * FAT_ENTRIES_PER_SECTOR * SECTOR;

const END_OF_CHAIN: u32 = 0xffff_fffe;
const FAT_SECTOR: u32 = 0xffff_fffd;
const FREE: u32 = 0xffff_ffff;

/// The file: header, stream, directory, allocation table.
pub(super) fn write_compound_file(stream: &[u8]) -> Vec<u8> {
    let stream_sectors = stream.len().max(LEAST_STREAM_BYTES).div_ceil(SECTOR);
    let directory = stream_sectors;
    let mut fat_sectors = 1;
    while fat_sectors * FAT_ENTRIES_PER_SECTOR < stream_sectors + 1 + fat_sectors {
        fat_sectors += 1;
    }
    let mut out = header(directory, fat_sectors);
    out.extend(stream);
    out.resize(SECTOR * (1 + stream_sectors), 0);
    out.extend(entry("Root Entry", 5, 1, END_OF_CHAIN, 0));
    out.extend(entry("Workbook", 2, FREE, 0, stream_sectors * SECTOR));
    out.extend(entry("", 0, FREE, 0, 0));
    out.extend(entry("", 0, FREE, 0, 0));
    for sector in 0..fat_sectors * FAT_ENTRIES_PER_SECTOR {
        let next = if sector + 1 < stream_sectors {
            number(sector + 1)
        } else if sector <= directory {
            END_OF_CHAIN
        } else if sector <= directory + fat_sectors {
            FAT_SECTOR
        } else {
            FREE
        };
        out.extend(next.to_le_bytes());
    }
    out
}

fn header(directory: usize, fat_sectors: usize) -> Vec<u8> {
    let mut out = vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
    out.extend([0; 16]);
    // Minor version, major version, byte order, sector size 2^9, mini sector size 2^6.
    for word in [0x003e_u16, 3, 0xfffe, 9, 6] {
        out.extend(word.to_le_bytes());
    }
    out.extend([0; 6]);
    let cutoff = number(LEAST_STREAM_BYTES);
    for word in [0, number(fat_sectors), number(directory), 0, cutoff, END_OF_CHAIN, 0, END_OF_CHAIN, 0] {
        out.extend(word.to_le_bytes());
    }
    for n in 0..MOST_FAT_SECTORS {
        let sector = if n < fat_sectors { number(directory + 1 + n) } else { FREE };
        out.extend(sector.to_le_bytes());
    }
    out
}

fn entry(name: &str, kind: u8, child: u32, start: u32, bytes: usize) -> Vec<u8> {
    let mut out: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name_bytes = if name.is_empty() { 0 } else { out.len() + 2 };
    out.resize(64, 0);
    out.extend(u16::try_from(name_bytes).unwrap_or_default().to_le_bytes());
    out.extend([kind, 1]);
    for link in [FREE, FREE, child] {
        out.extend(link.to_le_bytes());
    }
    // Class, state bits and two times: all zero.
    out.resize(116, 0);
    out.extend(start.to_le_bytes());
    out.extend((bytes as u64).to_le_bytes());
    out
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(FREE)
}
