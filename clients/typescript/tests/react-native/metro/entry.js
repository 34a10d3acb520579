// What an app imports. Metro fails for a module that it cannot resolve, or a syntax that it does not know.
import { createClient } from "s3-file-uploader-client";
import { useUpload } from "s3-file-uploader-client/react";
import { expoFiles } from "s3-file-uploader-client/expo";
import { blobUtilFiles } from "s3-file-uploader-client/blob-util";

globalThis.app = { createClient, useUpload, expoFiles, blobUtilFiles };
