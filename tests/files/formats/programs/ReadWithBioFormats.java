import java.io.BufferedOutputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import loci.common.DebugTools;
import loci.common.services.ServiceFactory;
import loci.formats.ImageReader;
import loci.formats.ome.OMEXMLMetadata;
import loci.formats.services.OMEXMLService;

/**
 * Writes what Bio-Formats reads of some files: FOLDER FILE... The number of a file begins the names: N.xml holds its
 * OME-XML, N.LEVEL.raw the little-endian pixels of a level, plane by plane in the order T, Z, C, and N.error why not.
 */
public class ReadWithBioFormats {
    public static void main(String[] words) throws Exception {
        Path folder = Path.of(words[0]);
        DebugTools.setRootLevel("ERROR");
        OMEXMLService service = new ServiceFactory().getInstance(OMEXMLService.class);
        for (int number = 0; number < words.length - 1; number++) {
            try (ImageReader reader = new ImageReader()) {
                OMEXMLMetadata metadata = service.createOMEXMLMetadata();
                reader.setMetadataStore(metadata);
                reader.setFlattenedResolutions(false);
                reader.setId(words[number + 1]);
                Files.writeString(folder.resolve(number + ".xml"), metadata.dumpXML());
                for (int level = 0; level < reader.getResolutionCount(); level++) {
                    reader.setResolution(level);
                    dump(reader, folder.resolve(number + "." + level + ".raw"));
                }
            } catch (Exception problem) {
                Files.writeString(folder.resolve(number + ".error"), problem.toString());
            }
        }
    }

    private static void dump(ImageReader reader, Path path) throws Exception {
        int channels = reader.getSizeC() / reader.getRGBChannelCount();
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(path))) {
            for (int t = 0; t < reader.getSizeT(); t++) {
                for (int z = 0; z < reader.getSizeZ(); z++) {
                    for (int c = 0; c < channels; c++) {
                        out.write(reader.openBytes(reader.getIndex(z, c, t)));
                    }
                }
            }
        }
    }
}
