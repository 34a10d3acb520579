"""Signatures of rarer binary files. Each is too long or too unusual to occur in other files by chance.

A row has the offset, the bytes there, and the MIME type. The types come from IANA, the freedesktop.org database or
Apache httpd. The server uses them only if the client declared no type. A wrong guess would harm more than a missing
format, so formats whose signature is shorter than four bytes are left out.

https://www.iana.org/assignments/media-types/media-types.xhtml
https://gitlab.freedesktop.org/xdg/shared-mime-info/-/blob/2.2/data/freedesktop.org.xml.in
https://github.com/apache/httpd/blob/2.4.x/docs/conf/mime.types
"""

Signature = tuple[int, bytes, str]

# https://dicom.nema.org/medical/dicom/current/output/html/part10.html#sect_7.1
# https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
# https://parquet.apache.org/docs/file-format/ ; https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
_DATA: tuple[Signature, ...] = (
    (128, b"DICM", "application/dicom"),
    (0, b"\x89HDF\r\n\x1a\n", "application/x-hdf"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"ARROW1\0\0", "application/vnd.apache.arrow.file"),
    (0, b"\0\1\0\0Standard Jet DB\0", "application/vnd.ms-access"),
    (0, b"\0\1\0\0Standard ACE DB\0", "application/vnd.ms-access"),
    (0, b"\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap"),
    (0, b"\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap"),
)
# https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md ; https://www.nongnu.org/lzip/manual/lzip_manual.html
# https://learn.microsoft.com/previous-versions/bb417343(v=msdn.10) ; https://man7.org/linux/man-pages/man5/deb.5.html
# https://rpm-software-management.github.io/rpm/manual/format_lead.html
_ARCHIVES: tuple[Signature, ...] = (
    (0, b"\x04\x22\x4d\x18", "application/x-lz4"),
    (0, b"LZIP\1", "application/x-lzip"),
    (0, b"\x89LZO\0\r\n\x1a\n", "application/x-lzop"),
    (0, b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    (0, b"!<arch>\ndebian-binary", "application/vnd.debian.binary-package"),
    (0, b"\xed\xab\xee\xdb", "application/x-rpm"),
    (0, b"xar!\0\x1c", "application/x-xar"),
    (2, b"-lh5-", "application/x-lha"),
)
# https://github.com/qemu/qemu/blob/master/docs/interop/qcow2.rst ; https://learn.microsoft.com/openspecs/windows_protocols/ms-vhdx
_DISKS: tuple[Signature, ...] = (
    (0, b"QFI\xfb", "application/x-qemu-disk"),
    (0, b"vhdxfile", "application/x-vhdx-disk"),
    (0, b"KDMV\1\0\0\0", "application/x-vmdk-disk"),
)
# https://www.loc.gov/preservation/digital/formats/fdd/still_fdd.shtml (DjVu, OpenEXR, DWG, EMF, WMF, raw photographs)
# https://registry.khronos.org/KTX/specs/2.0/ktxspec.v2.html ; https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
_IMAGES_AND_MODELS: tuple[Signature, ...] = (
    (12, b"DJVUINFO", "image/vnd.djvu"),
    (12, b"DJVMDIRM", "image/vnd.djvu"),
    (0, b"\x76\x2f\x31\x01", "image/x-exr"),
    (0, b"DDS \x7c\0\0\0", "image/x-dds"),
    (0, b"\xabKTX 11\xbb\r\n\x1a\n", "image/ktx"),
    (0, b"\xabKTX 20\xbb\r\n\x1a\n", "image/ktx2"),
    (0, b"gimp xcf ", "image/x-xcf"),
    (0, b"\xd7\xcd\xc6\x9a\0\0", "image/wmf"),
    (40, b" EMF\0\0\1\0", "image/emf"),
    (0, b"FUJIFILMCCD-RAW ", "image/x-fuji-raf"),
    (0, b"IIRO\x08\0\0\0", "image/x-olympus-orf"),
    (0, b"IIU\0\x18\0\0\0", "image/x-panasonic-rw2"),
    (0, b"\0MRM\0", "image/x-minolta-mrw"),
    (0, b"FOVb", "image/x-sigma-x3f"),
    *((0, b"AC10%d\0" % version, "image/vnd.dwg") for version in (15, 18, 21, 24, 27, 32)),
    (0, b"glTF\2\0\0\0", "model/gltf-binary"),
    (0, b"BLENDER-v", "application/x-blender"),
    (0, b"BLENDER_v", "application/x-blender"),
)
# https://www.rfc-editor.org/rfc/rfc4867#section-5 (AMR)
# https://www.loc.gov/preservation/digital/formats/fdd/sound_fdd.shtml (the others)
_SOUND_AND_FILM: tuple[Signature, ...] = (
    (0, b"#!AMR\n", "audio/amr"),
    (0, b"#!AMR-WB\n", "audio/amr-wb"),
    (0, b"wvpk", "audio/x-wavpack"),
    (0, b"MAC \x96\x0f\0\0", "audio/x-ape"),
    (0, b"MPCKSH", "audio/x-musepack"),
    (0, b"DSD \x1c\0\0\0", "audio/x-dsf"),
    (0, b"caff\0\1\0\0", "audio/x-caf"),
    (0, b".snd\0\0\0", "audio/basic"),
    (0, b".RMF\0\0\0", "application/vnd.rn-realmedia"),
)
# https://www.loc.gov/preservation/digital/formats/fdd/text_fdd.shtml (Mobipocket, CHM)
# https://learn.microsoft.com/openspecs/office_file_formats/ms-one ; https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxtnef
_DOCUMENTS: tuple[Signature, ...] = (
    (60, b"BOOKMOBI", "application/x-mobipocket-ebook"),
    (0, b"ITSF\3\0\0\0", "application/vnd.ms-htmlhelp"),
    (0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "application/onenote"),
    (0, b"\x78\x9f\x3e\x22", "application/vnd.ms-tnef"),
)

SIGNATURES = (*_DATA, *_ARCHIVES, *_DISKS, *_IMAGES_AND_MODELS, *_SOUND_AND_FILM, *_DOCUMENTS)


def detect_rare_content_type(head: bytes) -> str | None:
    """Return the MIME type whose signature is in the first bytes of a binary file, or None."""
    return next((kind for offset, magic, kind in SIGNATURES if head.startswith(magic, offset)), None)
