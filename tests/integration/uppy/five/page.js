import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";
import { serve } from "../page.js";

serve(Uppy, AwsS3);
