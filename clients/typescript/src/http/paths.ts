/** Return the path of a bucket, below the address of the service. */
export function bucketPath(bucket: string): string {
  return `buckets/${encodeURIComponent(bucket)}/`;
}

/** Return the path of a file. The slashes of its name stay. */
export function filePath(bucket: string, fileName: string): string {
  return `${bucketPath(bucket)}files/${fileName.split("/").map(encodeURIComponent).join("/")}/`;
}
